"""The recurrent model of the article that GPT-2's article follows: trained and written with as GPT-2 is here."""
