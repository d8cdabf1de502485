"""What a person is shown of the proposals: what is proposed, by which line, and why."""

from stack import Stack, ok


def test_each_proposal_names_the_line_that_made_it_and_its_reason(stack: Stack) -> None:
    found = ok(stack.client("researcher").get("/v1/items?words=dia_bir_parent1_tribe_text"))
    (item,) = found
    assert item["id"] == "dia_clean.births.dia_bir_parent1_tribe_text"
    by_line = {each["rule"]: each for each in item["proposals"]}
    assert set(by_line) == {"birth-records", "iwi", "parents-partners"}
    assert by_line["iwi"] == {
        "rule": "iwi",
        "class": "whakapapa",
        "peoples": "any",
        "places": [],
        "because": "Iwi, hapū and marae say from whom a person descends; that is for each of them.",
    }
    assert item["said"] is None


def test_what_is_about_a_place_is_proposed_with_places(stack: Stack) -> None:
    (item,) = ok(stack.client("researcher").get("/v1/items?words=hes_add_meshblock_code"))
    assert {each["places"] for each in item["proposals"]} == {"any"}


def test_a_key_has_no_proposal(stack: Stack) -> None:
    found = ok(stack.client("researcher").get("/v1/items?words=moh_clean.interrai.snz"))
    assert {each["variable"] for each in found} >= {"snz_uid"}
    assert not any(each["proposals"] for each in found if each["variable"].endswith("uid"))
