"""Visible text of XHTML."""

import pytest

from tf_gpt2.corpus.markup import markup_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("a<br/>b<hr>c", "a\nb\nc"),
        ("<script/><p>a", "a"),
        ("<script>var x = '<p>';</script>a", "a"),
        ("<svg><title>x</title><path/></svg>a", "a"),
        ("<head><meta charset='x'><link href='y'></head>a", "a"),
        ("a <i>b</i> c", "a b c"),
        ("话说\n   天下", "话说天下"),
        ("one\n  two", "one two"),
        ("&amp;#x4e00; &#x4e00; &mdash;", "&#x4e00; 一 —"),
        ("<![CDATA[x]]>a<!-- b -->", "a"),
        ("", ""),
    ],
)
def test_markup(markup, text):
    assert markup_text(markup) == text
