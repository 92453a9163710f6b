"""Each view of a text's inside, driven in a real browser, says what Keras computes with the same weights."""

import numpy as np
from numpy_gpt2 import softmax

from web.inside_page import COUNT, PROMPT, ask, oracle, show, show_all_layers
from web.web_page import keras_logits, wait_idle, wait_until

SERVICE_WORKERS = "block"


def choose(page, place):
    page.locator(".inside-panel .inside-token").nth(place).click()
    wait_until(page, "document.querySelector('.inside-panel [aria-busy=true]') === null")


def ids_of(page):
    return page.evaluate("source.tokens.map(({ id }) => id)")


def shares(text):
    """Percentages that a text names."""
    return [float(part.split()[-1].lstrip("<")) / 100 for part in text.split("%")[:-1]]


def test_bars_are_keras_probabilities_and_the_random_number_falls_on_what_was_written(viewed, site_folder):
    ids = ids_of(viewed)
    probabilities = softmax(keras_logits(site_folder / "bundle", ids))
    for place in (len(PROMPT), 12, COUNT - 1, COUNT):
        choose(viewed, place)
        rows = viewed.locator(".inside-bars li")
        assert rows.count() == 10
        found = [int(row) for row in rows.evaluate_all("rows => rows.map((row) => row.dataset.id)")]
        expected = probabilities[place - 1]
        for id_, text in zip(found, viewed.locator(".inside-figures").all_text_contents(), strict=True):
            assert abs(shares(text)[0] - expected[id_]) < 2e-3
        assert expected[found[0]] >= expected.max() - 2e-3
        if place < COUNT:
            taken = viewed.locator(".inside-piece.taken").get_attribute("data-id")
            assert int(taken) == ids[place]
            assert "落在" in viewed.text_content(".inside-draw .note")
    choose(viewed, 2)  # typed, not drawn
    assert viewed.locator(".inside-marker").count() == 0
    assert viewed.errors == []


def test_settings_move_the_bars_at_once_and_change_no_text(inside):
    text = inside.text_content("article .passage")
    choose(inside, 12)

    def after():
        return [shares(text)[1] for text in inside.locator(".inside-figures").all_text_contents()]

    before = after()
    inside.locator(".inside-settings input").nth(0).fill("0.2")
    assert after()[0] > before[0] + 0.01
    # The page's own field, which is drawn in the next frame.
    wait_until(inside, "document.querySelector('#setting-temperature').value === '0.2'")
    inside.locator(".inside-settings input").nth(1).fill("3")
    assert sum(share > 0 for share in after()) == 3
    assert inside.locator(".inside-cut").count() == 7
    assert "top-k" in inside.locator(".inside-cut .inside-mark").first.text_content()
    inside.locator(".inside-settings input").nth(0).fill("0")
    assert [share for share in after() if share] == [1]
    assert inside.text_content("article .passage") == text


def test_a_candidate_that_is_taken_begins_a_branch_which_undo_takes_back_and_the_tree_shows(inside):
    [whole] = inside.locator("article .passage").all_text_contents()
    choose(inside, 12)
    button = inside.locator(".inside-bars li:not([aria-current]) button").first
    token = button.text_content()
    runs = inside.evaluate("runs.length")
    button.click()
    wait_until(inside, f"runs.length > {runs}")
    wait_idle(inside)
    first, second = inside.locator("article .passage").all_text_contents()
    assert first == whole
    assert second.startswith(whole[:12] + token)
    assert len(second) > 13
    assert token != whole[12]
    inside.click("#history summary")
    wait_until(inside, "document.querySelectorAll('#branches > li > ul > li').length === 1")
    inside.click("#undo")
    wait_until(inside, "document.querySelectorAll('article').length === 1")
    assert inside.locator("article .passage").all_text_contents() == [whole]
    inside.click("#redo")
    wait_until(inside, "document.querySelectorAll('article').length === 2")


def test_a_branch_comes_out_of_its_link(inside, open_page):
    choose(inside, 12)
    inside.locator(".inside-bars li:not([aria-current]) button").first.click()
    wait_until(inside, "runs.length === 2")
    wait_idle(inside)
    expected = inside.locator("article .passage").all_text_contents()
    inside.click("#share")
    wait_until(inside, "location.hash !== ''")
    other = open_page(inside.evaluate("location.hash"))
    other.wait_for_selector("#shared:not([hidden])")
    other.click("#shared-take")
    wait_until(other, "document.querySelector('#shared').hidden && document.body.dataset.phase === 'ready'")
    wait_idle(other)
    assert other.locator("article .passage").all_text_contents() == expected


def test_the_caret_leads_to_its_character(viewed):
    editor = viewed.locator("article textarea")
    editor.focus()
    viewed.evaluate("document.querySelector('article textarea').setSelectionRange(8, 8)")
    editor.press("Shift")
    wait_until(viewed, "document.querySelectorAll('.inside-token')[8].getAttribute('aria-selected') === 'true'")
    viewed.focus(".inside-strip")
    viewed.keyboard.press("ArrowRight")
    wait_until(viewed, "document.querySelectorAll('.inside-token')[9].getAttribute('aria-selected') === 'true'")


def test_surprise_colours_each_token_by_its_probability_and_sums_the_bits(viewed):
    show(viewed, "surprise")
    found = ask(viewed, "source.surprise()")
    logs = np.array(found["logProbabilities"])
    steps = [sum(np.exp(log) < from_ for from_ in (0.5, 0.1, 0.01, 0.001)) for log in logs]
    classes = viewed.locator(".inside-panel .inside-token").evaluate_all("all => all.map((one) => one.className)")
    assert [f"step-{step}" in name for step, name in zip(steps, classes, strict=True)] == [True] * COUNT
    assert len(set(steps)) > 1
    assert f"{-logs.sum() / np.log(2):.1f} 比特" in viewed.text_content(".inside-total")
    viewed.locator(".inside-panel .inside-token").nth(9).hover()
    detail = viewed.text_content(".inside-detail")
    assert f"{logs[9]:.3f}" in detail
    assert f"排第 {found['ranks'][9]}" in detail
    viewed.focus(".inside-panel .inside-strip")
    viewed.keyboard.press("Home")
    assert f"{logs[0]:.3f}" in viewed.text_content(".inside-detail")
    viewed.locator(".inside-panel .check input").check()
    assert viewed.locator(".borders .inside-token").count() == COUNT


def test_the_model_view_has_every_head_draws_what_is_in_sight_and_enlarges(viewed, site_folder):
    show_all_layers(viewed)
    assert viewed.locator(".inside-thumbnail").count() == 6
    side = viewed.evaluate("document.querySelector('.inside-thumbnail canvas').width")
    assert side == COUNT
    alpha = np.array(
        viewed.evaluate(
            "Array.from(document.querySelectorAll('.inside-thumbnail canvas')[4].getContext('2d')"
            f".getImageData(0, 0, {COUNT}, {COUNT}).data)"
        )
    ).reshape(COUNT, COUNT, 4)[..., 3]
    expected = oracle(site_folder / "bundle", ids_of(viewed))["attention"][1, 1]
    np.testing.assert_allclose(alpha / 255, np.sqrt(expected), atol=0.03)
    thumbnail = viewed.locator(".inside-thumbnail").nth(4)
    assert "第 2 层第 2 头" in thumbnail.get_attribute("aria-label")
    thumbnail.click()
    assert viewed.locator(".inside-large .inside-row").count() == 2 * COUNT
    assert viewed.locator(".inside-large .inside-head[aria-pressed=true]").all_text_contents() == ["2"]
    thumbnail.click()
    assert viewed.locator(".inside-large .inside-row").count() == 0
    viewed.locator(".inside-choice input").nth(0).fill("2")
    viewed.locator(".inside-choice input").nth(1).fill("1, 3")
    viewed.locator(".inside-choice input").nth(1).press("Tab")
    assert viewed.locator(".inside-thumbnail").evaluate_all("all => all.map((one) => one.dataset.head)") == [
        "0",
        "2",
    ]


def painted(page, least=1, below=float("inf")):
    """How much is drawn between the columns of the lines, once it is in a range or three seconds have passed."""
    for _ in range(100):
        if least <= (shown := _painted(page)) < below:
            break
        page.wait_for_timeout(30)
    return shown


def _painted(page):
    return page.evaluate(
        "(() => { const canvas = document.querySelector('.inside-panel .inside-lines');"
        " const { width, height } = canvas; const data = canvas.getContext('2d').getImageData(width * 0.35, 0,"
        " width * 0.3, height).data; let sum = 0; for (let at = 3; at < data.length; at += 4) sum += data[at];"
        " return sum; })()"
    )


def test_lines_of_one_token_of_some_heads_and_their_words(viewed, site_folder):
    show(viewed, "heads")
    everything = painted(viewed)
    assert everything > 0
    rows = viewed.locator(".inside-column.query .inside-row")
    rows.nth(20).hover()
    one = painted(viewed, below=everything)
    assert 0 < one < everything
    viewed.mouse.move(0, 0)
    viewed.locator(".inside-head").nth(1).dblclick()
    assert viewed.locator(".inside-head[aria-pressed=true]").all_text_contents() == ["2"]
    rows.nth(20).click()
    attention = oracle(site_folder / "bundle", ids_of(viewed))["attention"][0, 1, 20]
    said = viewed.locator(".inside-panel [role=status]").text_content()
    assert abs(shares(said)[0] - attention.max()) < 2e-3
    assert "第 1 层第 2 头" in said
    viewed.locator(".inside-choice select").first.select_option(label="2")
    wait_until(
        viewed, "document.querySelector('.inside-panel [role=status]').textContent.includes('第 2 层第 2 头')"
    )
    viewed.focus(".inside-column.query")
    viewed.keyboard.press("ArrowUp")
    assert rows.nth(19).get_attribute("aria-selected") == "true"
    viewed.locator(".inside-choice select").nth(1).select_option("dark")
    assert viewed.evaluate("document.querySelector('.inside').style.colorScheme") == "dark"


def test_neurons_are_keras_queries_and_keys(viewed, site_folder):
    show(viewed, "neurons")
    choose(viewed, 9)
    viewed.locator(".inside-choice select").nth(0).select_option(label="2")
    viewed.locator(".inside-choice select").nth(1).select_option(label="3")
    wait_until(viewed, "document.querySelector('.inside-panel [aria-busy=true]') === null")
    expected = oracle(site_folder / "bundle", ids_of(viewed))
    query, keys = expected["queries"][1, 2, 9], expected["keys"][1, 2, :10]
    rows = viewed.locator(".inside-neurons tbody tr")
    assert rows.count() == 10
    dots = [
        float(text) for text in viewed.locator(".inside-neurons tbody td.figure:nth-child(5)").all_text_contents()
    ]
    scale = np.abs(keys @ query).max()
    np.testing.assert_allclose(dots, keys @ query, atol=2e-3 * scale + 1e-3)
    softmaxes = [
        shares(text)[0] for text in viewed.locator(".inside-neurons tbody td:last-child").all_text_contents()
    ]
    np.testing.assert_allclose(softmaxes, expected["attention"][1, 2, 9, :10], atol=3e-3)
    viewed.locator(".inside-key-token").nth(4).click()
    wait_until(viewed, "document.querySelectorAll('.inside-key-token')[4].getAttribute('aria-pressed') === 'true'")
    viewed.locator(".inside-numbers summary").click()
    cells = viewed.locator(".inside-numbers tbody tr").nth(3).locator("td").all_text_contents()
    products = [query[3], keys[4, 3], query[3] * keys[4, 3]]
    np.testing.assert_allclose([float(cell) for cell in cells], products, atol=2e-2)
    viewed.click(".inside-panel button:has-text('收起')")
    wait_until(viewed, "document.querySelectorAll('.inside-vector').length === 0")
    assert rows.count() == 10


def test_replay_goes_token_by_token_with_mask_and_reused_keys(viewed):
    show(viewed, "replay")
    choose(viewed, 5)
    viewed.click(".inside-panel button:has-text('下一步')")
    said = viewed.locator(".inside-panel [role=status]")
    assert "重用 6 组键和值，遮住 19 个" in said.text_content()
    assert viewed.locator(".inside-replay .masked").count() == 19
    assert viewed.locator(".inside-mask [aria-current] .reused").count() == 6
    assert viewed.locator(".inside-mask [aria-current] .new").count() == 1
    viewed.click(".inside-panel button:has-text('播放')")
    wait_until(viewed, "document.querySelectorAll('.inside-replay .masked').length < 18")
    viewed.click(".inside-panel button:has-text('暂停')")


def test_the_lens_is_the_answer_after_each_layer(inside, site_folder):
    show(inside, "lens")
    ids = ids_of(inside)
    answers = softmax(oracle(site_folder / "bundle", ids)["lens"])
    rows = inside.locator(".inside-lens-table tbody tr")
    assert rows.count() == 3
    cell = rows.nth(0).locator("button").nth(11)  # the last token, after the last layer
    assert abs(shares(cell.get_attribute("title"))[0] - answers[2, -1].max()) < 3e-3
    embedding = rows.nth(2).locator("button").nth(0)
    assert abs(shares(embedding.get_attribute("title"))[0] - answers[0, -12].max()) < 3e-3
    cell.click()
    found = [shares(text)[0] for text in inside.locator(".inside-ten .inside-figures").all_text_contents()]
    np.testing.assert_allclose(found, np.sort(answers[2, -1])[::-1][:10], atol=3e-3)
    inside.click(".inside-panel button:has-text('前面')")
    wait_until(inside, "document.querySelector('.inside-panel [role=status]').textContent.includes('3 到 14')")


def test_a_walk_has_real_numbers_and_the_parameters(viewed, site_folder):
    show(viewed, "walk")
    choose(viewed, 10)
    expected = oracle(site_folder / "bundle", ids_of(viewed))
    stops = viewed.locator(".inside-walk > li")
    assert stops.count() == 8
    numbers = stops.nth(1).locator(".inside-vector-text").text_content().strip("[] …").split()
    np.testing.assert_allclose([float(number) for number in numbers], expected["hidden"][0, 10, :6], atol=2e-3)
    assert str(ids_of(viewed)[10]) in stops.nth(0).text_content()
    from tf_gpt2.model_directory import load_config

    config = load_config(site_folder / "bundle")
    total = viewed.locator(".inside-parameters tbody tr:last-child td").last.text_content()
    assert int(total.replace(",", "")) == config.num_parameters
