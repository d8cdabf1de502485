"""What those who write packs get wrong: each is refused with a sentence that says what to do, or
shown to do no harm.

Bytes are written as the program that made them would: spreadsheets, word processors, an editor.
"""

import unicodedata
from importlib import resources

import casbin
import pytest

from policies.adopting import Adopter, check_adopter, likely_adopter
from policies.faults import MOST_FAULTS
from policies.roles import LONGEST_CHAIN, chain_faults
from policies.rules import (
    ROLE_COLUMNS,
    ROUTING_COLUMNS,
    RULE_COLUMNS,
    FaultsError,
    Pack,
    read_pack,
)
from policies.table import MAX_CELL, MAX_FILE_BYTES, MAX_LINES

MODEL = resources.files("policies").joinpath("model.conf").read_text(encoding="utf-8")
COLUMNS = tuple(RULE_COLUMNS)
HEADER = ",".join(COLUMNS)
YES = {
    **dict.fromkeys(COLUMNS, "*"),
    "id": "RIVER-01", "role": "role:grantee", "act": "use.read", "class": "health",
    "effect": "allow", "because": "We agreed to this at a hui.",
}  # fmt: skip
NO = {**YES, "id": "RIVER-02", "effect": "deny"}
CURLY = "{“peoples”: [“example-river-people”]}"


def cell(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if set(value) & set(',"\n') else value


def line(but: dict[str, str] | None = None, of: dict[str, str] = YES) -> str:
    return ",".join(cell(value) for value in {**of, **(but or {})}.values())


def rules(*lines: str, header: str = HEADER) -> bytes:
    return "".join(f"{each}\n" for each in (header, *lines)).encode()


def read(content: bytes, name: str = "rules.csv") -> Pack:
    return read_pack({name: content})


def refused(content: bytes, name: str = "rules.csv") -> list[tuple[int, str, str]]:
    with pytest.raises(FaultsError) as error:
        read(content, name)
    for fault in error.value.faults:
        assert len(fault.sentence.split()) <= 25, fault.sentence
        assert fault.sentence[0].isupper() or not fault.sentence[0].isalpha(), fault.sentence
        assert fault.sentence.endswith((".", "?")), fault.sentence
        assert fault.sentence.isprintable(), "a sentence must be safe to print"
    return [(each.line, each.column, each.sentence) for each in error.value.faults]


MISTAKES = {
    "a capital at the beginning of the effect": (
        rules(line({"effect": "Deny"})), 2, "effect", "did you mean deny?"),
    "a space after the effect": (
        rules(line({"effect": "deny "})), 2, "effect", "spaces at the ends"),
    "no effect": (rules(line({"effect": ""})), 2, "effect", "The cell is empty"),
    "another word for no": (rules(line({"effect": "refuse"})), 2, "effect", "is no effect"),
    "letters changed about in an act": (
        rules(line({"act": "use.raed"})), 2, "act", "did you mean use.read?"),
    "an act without what it belongs to": (
        rules(line({"act": "train"})), 2, "act", "did you mean use.train?"),
    "a role without its beginning": (
        rules(line({"role": "grantee"})), 2, "role", "did you mean role:grantee?"),
    "somebody's id for a role": (
        rules(line({"role": "person-5d1f"})), 2, "role", "is no role"),
    "a macron in a class": (rules(line({"class": "whānau"})), 2, "class", "mean whanau?"),
    "a macron in an id": (rules(line({"id": "WHĀNAU-1"})), 2, "id", "An id has no macrons"),
    "an id in small letters": (rules(line({"id": "river-01"})), 2, "id", "capitals"),
    "a Cyrillic letter in a class": (
        rules(line({"class": "heаlth"})), 2, "class", "did you mean health?"),
    "a Cyrillic letter in an item": (
        rules(line({"item": "survey.sleеp.x"})), 2, "item", "(U+0435) only looks like"),
    "a full-width letter in a purpose": (
        rules(line({"purpose": "ｈealth-study"})), 2, "purpose", "only looks like"),
    "a zero-width space": (
        rules(line({"item": "survey\u200b.sleep"})), 2, "item", "zero width space"),
    "a no-break space": (
        rules(line({"because": "We agreed\u00a0to this."})), 2, "because", "type a plain space"),
    "a soft hyphen": (rules(line({"item": "sur\u00advey"})), 2, "item", "soft hyphen"),
    "a mark that turns the reading round": (
        rules(line({"because": "We \u202eagreed to this."})), 2, "because", "right-to-left"),
    "a byte order mark in the middle": (
        rules(line({"item": "\ufeffsurvey"})), 2, "item", "U+FEFF"),
    "a tab in a cell": (rules(line({"because": "We\tagreed to it."})), 2, "because", "U+0009"),
    "curly quotation marks in a slice": (
        rules(line({"slice": CURLY}, NO)), 2, "slice", "straight quotation marks"),
    "single quotation marks in a slice": (
        rules(line({"slice": "{'peoples': ['a']}"}, NO)), 2, "slice", "Write * or a slice"),
    "quotation marks around a star": (
        rules(line({"item": '"*"'})), 2, "item", "or * for all"),
    "any in place of the star": (rules(line({"item": "any"})), 2, "item", "write * for all"),
    "nothing in place of the star": (rules(line({"item": ""})), 2, "item", "write * for all"),
    "an area that is nearly one": (
        rules(line({"purpose": "imigration"}, NO)), 2, "purpose", "did you mean immigration?"),
    "an area with a capital": (
        rules(line({"purpose": "Policing"}, NO)), 2, "purpose", "small letters"),
    "a slice of nobody": (
        rules(line({"slice": '{"peoples": []}'}, NO)), 2, "slice", "matches nothing"),
    "a slice that names nothing": (rules(line({"slice": "{}"}, NO)), 2, "slice", "or write *"),
    "an unknown part of a slice": (
        rules(line({"slice": '{"people": ["a"]}'}, NO)), 2, "slice", "did you mean peoples?"),
    "a part of a slice twice": (
        rules(line({"slice": '{"peoples": ["a"], "peoples": ["b"]}'}, NO)), 2, "slice", "twice"),
    "a star in a slice's list": (
        rules(line({"slice": '{"peoples": ["*"]}'}, NO)), 2, "slice", "nobody's name"),
    "any in a slice's list": (
        rules(line({"slice": '{"places": ["any"]}'}, NO)), 2, "slice", "nobody is called any"),
    "one people without a list": (
        rules(line({"slice": '{"peoples": "river"}'}, NO)), 2, "slice", "as a list"),
    "years in quotation marks": (
        rules(line({"slice": '{"years": ["2018"]}'}, NO)), 2, "slice", "whole numbers"),
    "years of two digits": (
        rules(line({"slice": '{"years": [18]}'}, NO)), 2, "slice", "four digits"),
    "a number that is none": (
        rules(line({"slice": '{"years": [NaN]}'}, NO)), 2, "slice", "whole numbers"),
    "a level in a slice": (
        rules(line({"slice": '{"level": "identifiable"}'}, NO)), 2, "slice", "column of its own"),
    "a slice on a line that allows": (
        rules(line({"slice": '{"peoples": ["a"]}'})), 2, "slice", "Only a deny line"),
    "a day without its time": (rules(line({"from": "2026-05-03"})), 2, "from", "every zone"),
    "a day as the spreadsheet shows it": (
        rules(line({"until": "3/05/2026"})), 2, "until", "2026-05-03T09:00:00+12:00"),
    "a time without its zone": (
        rules(line({"from": "2026-05-03T09:00:00"})), 2, "from", "with its zone"),
    "digits of another script": (
        rules(line({"from": "٢٠٢٦-05-03T09:00:00Z"})), 2, "from", "with its zone"),
    "until before from": (
        rules(line({"from": "2026-05-03T09:00:00+12:00", "until": "2026-05-02T21:00:00Z"})),
        2, "until", "ends before it begins"),
    "a no that ends by itself": (
        rules(line({"until": "2026-05-03T09:00:00Z"}, NO)), 2, "until", "not by a date"),
    "a command about data": (
        rules(line({"role": "role:member", "act": "body:request:ask"})), 2, "class", "never apply"),
    "no because": (rules(line({"because": ""})), 2, "because", "Say why"),
    "a because that says nothing": (rules(line({"because": "xxxxxxxxx"})), 2, "because", "why"),
    "a cell that is calculated": (
        rules(line({"because": "=1+1 and so on"})), 2, "because", "calculated by spreadsheets"),
    "a star that a formula made": (rules(line({"item": "=A1"})), 2, "item", "calculated"),
    "an error that a formula left": (rules(line({"class": "#REF!"})), 2, "class", "is no class"),
    "a comment": (rules("# our rules" + "," * 12), 2, "id", "capitals"),
    "a comment of one cell": (rules("# our rules"), 2, "columns", "no comments"),
    "a comma that is not quoted": (
        rules(f"{line()}, and more"), 2, "columns", "between double quotes"),
    "a column short": (rules(line().removesuffix(",We agreed to this at a hui.")), 2, "columns",
                       "here are 12"),
    "a line break in a cell": (
        rules(line({"because": "We agreed\nto this."})), 2, "quoting", "no line break"),
    "a quotation mark that does not close": (
        rules('"' + line()), 2, "quoting", "not closed on this line"),
    "a quotation mark too many": (
        rules('"RIVER"-01' + line()[8:]), 2, "quoting", "stands alone"),
    "an empty line between": (rules("", line()), 2, "columns", "is empty"),
    "a row of empty cells": (rules(line(), "," * 12), 3, "columns", "is empty"),
    "a cell that is too long": (
        rules(line({"because": "Why we agreed, " * 1000 + "all"})), 2, "because", f"{MAX_CELL:,}"),
    "an id used twice": (rules(line(), line()), 3, "id", "used before, at rules.csv, line 2"),
    "semicolons, as many spreadsheets in Europe write": (
        rules(line().replace(",", ";"), header=HEADER.replace(",", ";")), 1, "header",
        "separated by semicolons"),
    "tabs": (rules(line().replace(",", "\t"), header=HEADER.replace(",", "\t")), 1, "header",
             "separated by tabs"),
    "semicolons under a good header": (
        rules(line().replace(",", ";")), 2, "columns", "Separate them by commas"),
    "no header": (rules(line(), header=line()), 1, "header", "The columns must be"),
    "a column that is missing": (
        rules(header=HEADER.replace("slice,", "")), 1, "header", "The column slice is missing"),
    "a column twice": (
        rules(header=HEADER.replace("slice", "level")), 1, "header", "level is there twice"),
    "a column more": (rules(header=HEADER + ",note"), 1, "header", "no column 'note'"),
    "columns in another order": (
        rules(header=HEADER.replace("from,until", "until,from")), 1, "header", "another order"),
    "a header with capitals": (rules(header=HEADER.upper()), 1, "header", "must be"),
    "a misspelt column": (
        rules(header=HEADER.replace("effect", "eft")), 1, "header", "must be"),
    "a spreadsheet's own file": (b"PK\x03\x04\x14\x00", 1, "file", "save it as CSV UTF-8"),
    "Unicode text": ("id,role\n".encode("utf-16"), 1, "file", "UTF-16"),
    "another encoding": (
        rules(line({"because": "Our whānau agreed."})).replace("ā".encode(), b"\xe2"),
        2, "encoding", "CSV UTF-8"),
    "the line ends of old Macs": (rules(line()).replace(b"\n", b"\r"), 1, "file", "old Macs"),
    "a file of nothing": (b"", 1, "header", "must be"),
    "two byte order marks": (
        b"\xef\xbb\xbf" * 2 + rules(line()), 1, "header", "U+FEFF"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_where_it_stands_with_what_to_do(mistake: str) -> None:
    content, number, column, said = MISTAKES[mistake]
    found = [each for each in refused(content) if each[:2] == (number, column)]
    assert found, refused(content)
    assert any(said in sentence for _, _, sentence in found), found


HARMLESS = {
    "a byte order mark at the beginning, which Excel writes": b"\xef\xbb\xbf" + rules(line()),
    "lines that end as on Windows": rules(line()).replace(b"\n", b"\r\n"),
    "empty lines at the end": rules(line()) + b"\n\r\n\n",
    "no end of the last line": rules(line()).rstrip(b"\n"),
    "every cell between quotation marks": rules(",".join(f'"{each}"' for each in YES.values())),
}


@pytest.mark.parametrize("habit", HARMLESS)
def test_what_programs_do_by_habit_changes_nothing(habit: str) -> None:
    assert read(HARMLESS[habit]) == read(rules(line()))


def test_macrons_and_glottal_marks_are_kept_in_reasons_and_names() -> None:
    why = "Ngā kōrero a te whānau; faʻa Sāmoa; «all» of it is “ours”."
    no = line({"because": why, "slice": '{"peoples": ["te-awa-ā", "faʻa-people"]}'}, NO)
    rule = read(rules(no)).rules[0]
    assert rule.because == why
    assert "te-awa-ā" in rule.slice


def test_a_name_written_with_a_loose_macron_is_another_name_and_is_refused() -> None:
    loose = unicodedata.normalize("NFD", "te-awa-ā")
    no = line({"slice": f'{{"peoples": ["{loose}"]}}'}, NO)
    assert [(at, column) for at, column, _ in refused(rules(no))] == [(2, "slice")]


def test_quotation_marks_inside_a_reason_are_its_own() -> None:
    assert read(rules(line({"because": 'We call it "ours", and mean it.'}))).rules[0].because == (
        'We call it "ours", and mean it.'
    )


def test_the_name_of_a_variable_is_written_as_its_holder_wrote_it() -> None:
    rule = read(rules(line({"item": "moh_clean.Whānau, and 'others'.of age"}))).rules[0]
    assert rule.item == "moh_clean.Whānau, and 'others'.of age"


# Bounds, named where they are met.


def test_a_file_that_is_too_large_is_refused_by_its_bound() -> None:
    (at, column, sentence), = refused(rules() + b"x" * MAX_FILE_BYTES)  # fmt: skip
    assert (at, column) == (1, "file")
    assert "at most 5 MB" in sentence


def test_a_pack_of_too_many_lines_is_refused_by_its_bound_over_all_its_files() -> None:
    def many(count: int) -> str:
        return "".join(f"{line({'id': f'L-{n}'})}\n" for n in range(count))

    good = f"{HEADER}\n{many(MAX_LINES - 1)}".encode()
    route = f"{','.join(ROUTING_COLUMNS)}\nR-1,self,people,*,*,*,Our own people decide.\n"
    both = {"rules.csv": good, "routing.csv": route.encode()}
    assert len(read_pack(both).rules) == MAX_LINES - 1
    both["routing.csv"] += b"R-2,self,place,*,*,*,Our own place decides.\n"
    with pytest.raises(FaultsError) as error:
        read_pack(both)
    assert f"at most {MAX_LINES:,} lines" in str(error.value)
    assert (
        f"at most {MAX_LINES:,} lines" in refused(f"{HEADER}\n{many(MAX_LINES + 1)}".encode())[0][2]
    )


def test_everything_wrong_is_told_at_once_as_far_as_it_can_be_taken_in() -> None:
    wrong = [line({"id": f"L-{n}", "effect": "no", "class": "helth"}) for n in range(1000)]
    with pytest.raises(FaultsError) as error:
        read(rules(*wrong))
    assert len(error.value.faults) == MOST_FAULTS
    assert error.value.count == 2000
    assert str(error.value).endswith("; and 1997 more")


# Between lines, and between files.


def test_an_id_of_an_earlier_version_never_comes_back() -> None:
    with pytest.raises(FaultsError) as error:
        read_pack({"rules.csv": rules(line())}, retired={"RIVER-01"})
    assert str(error.value) == (
        "rules.csv, line 2, id: RIVER-01 was used before, at an earlier version; "
        "give a new line a new id."
    )


def test_a_file_whose_name_is_nearly_right_is_not_passed_over() -> None:
    for name in ("rule.csv", "Rules.csv", "rules.CSV", "rules (1).csv", "routeing.csv"):
        (at, column, sentence), = refused(rules(line()), name)  # fmt: skip
        assert (at, column) == (1, "name")
        assert "Did you mean r" in sentence


def roles(*links: tuple[str, str]) -> bytes:
    lines = [f"ROLE-{n},role:{a},role:{b},It is so here." for n, (a, b) in enumerate(links, 1)]
    return "".join(f"{each}\n" for each in (",".join(ROLE_COLUMNS), *lines)).encode()


def test_roles_that_go_round_in_a_circle_are_refused() -> None:
    circle = roles(("member", "secretary"), ("applicant", "anyone"), ("secretary", "member"))
    (_, column, sentence), = refused(circle, "roles.csv")  # fmt: skip
    assert column == "includes"
    assert "go round in a circle: role:" in sentence
    assert "circle" in refused(roles(("member", "member")), "roles.csv")[0][2]


def test_a_link_that_stands_there_twice_is_refused() -> None:
    twice = roles(("secretary", "member"), ("secretary", "member"))
    assert refused(twice, "roles.csv")[0][:2] == (3, "includes")


def test_a_chain_of_roles_longer_than_casbin_follows_is_refused_before_it_is_lost() -> None:
    chain = [(f"role:{n}", f"role:{n + 1}") for n in range(LONGEST_CHAIN)]
    assert list(chain_faults(chain)) == []
    longer = [*chain, (f"role:{LONGEST_CHAIN}", "role:end")]
    assert [at for at, _ in chain_faults(longer)] == [2], "the chain begins on line 2"


def test_that_longest_chain_is_one_that_casbin_follows_to_its_end() -> None:
    manager = casbin.Enforcer(casbin.Enforcer.new_model(text=MODEL)).get_role_manager()
    for n in range(12):
        manager.add_link(f"role:{n}", f"role:{n + 1}")
    assert manager.has_link("role:0", f"role:{LONGEST_CHAIN}")
    assert not manager.has_link("role:0", "role:10"), "what is refused here is lost there"


ROUTE = {
    **dict.fromkeys(ROUTING_COLUMNS, "*"),
    "id": "ROUTE-1", "body": "self", "capacity": "people", "because": "Our own people decide.",
}  # fmt: skip


def routing(**but: str) -> bytes:
    return "".join(f"{each}\n" for each in (",".join(ROUTING_COLUMNS), line(but, ROUTE))).encode()


@pytest.mark.parametrize(
    ("but", "column", "said"),
    [
        ({"body": "none"}, "people", "nobody decides for every people is nobody's to say"),
        ({"body": "none", "capacity": "place"}, "place", "for every place is nobody's to say"),
        ({"body": "none", "capacity": "ethics"}, "capacity", "Only for a people or a place"),
        ({"capacity": "place", "people": "river"}, "people", "is asked without a people"),
        ({"capacity": "people", "place": "valley"}, "place", "is asked without a place"),
        ({"capacity": "holder", "people": "river"}, "people", "is asked without a people"),
        ({"body": "example-river"}, "body", "is no body (self or none)"),
        ({"capacity": "iwi"}, "capacity", "is no capacity"),
    ],
)
def test_a_routing_line_that_would_never_be_met_or_is_nobodys_to_write(but, column, said) -> None:
    told = refused(routing(**but), "routing.csv")
    assert [(at, where) for at, where, _ in told] == [(2, column)]
    assert said in told[0][2]


def test_that_nobody_decides_can_be_said_of_one_people_and_of_one_place() -> None:
    for but in ({"people": "newcomers"}, {"capacity": "place", "place": "newtown"}):
        assert read(routing(body="none", **but), "routing.csv").routing[0].body == "none"


# Who may say what.


def adopted(pack: Pack, adopter: Adopter) -> list[tuple[str, int, str]]:
    with pytest.raises(FaultsError) as error:
        check_adopter(pack, adopter)
    for fault in error.value.faults:
        assert len(fault.sentence.split()) <= 25
    return [(each.file, each.line, each.column) for each in error.value.faults]


COMMAND = {**YES, "role": "role:member", "act": "body:request:ask", "class": "*"}


@pytest.mark.parametrize(
    ("but", "columns"),
    [
        ({"act": "*"}, ["act"]),
        ({"act": "*", "role": "*", "class": "*"}, ["act", "role"]),
        ({"role": "*"}, ["role"]),
        ({"role": "role:secretary"}, ["role"]),
        ({"act": "body:pack:adopt", "class": "*"}, ["act"]),
    ],
)
def test_a_bodys_lines_speak_of_uses_by_grantees_alone(but, columns) -> None:
    pack = read(rules(line(), line({"id": "RIVER-03", **but}), line(None, NO)))
    found = adopted(pack, Adopter.BODY)
    assert found == [("rules.csv", 3, column) for column in columns]


def test_a_body_may_say_any_use_and_each_of_them() -> None:
    acts = ("use", "use.read", "use.link", "use.train", "use.commercial", "use.offshore")
    lines = [line({"id": f"L-{n}", "act": act}) for n, act in enumerate(acts)]
    check_adopter(read(rules(*lines)), Adopter.BODY)


def test_a_body_has_no_roles_to_give() -> None:
    pack = read_pack({"rules.csv": rules(line()), "roles.csv": roles(("secretary", "member"))})
    assert adopted(pack, Adopter.BODY) == [("roles.csv", 2, "role")]


def test_the_deployment_says_nothing_about_data_nor_about_who_decides() -> None:
    pack = read_pack({"rules.csv": rules(line(None, COMMAND), line(None, NO)),
                      "routing.csv": routing()})  # fmt: skip
    assert adopted(pack, Adopter.DEPLOYMENT) == [
        ("rules.csv", 3, "act"),
        ("routing.csv", 2, "body"),
    ]


def test_for_whom_a_pack_is_follows_from_what_it_speaks_of() -> None:
    assert likely_adopter(read(rules(line(None, COMMAND)))) is Adopter.DEPLOYMENT
    assert likely_adopter(read(rules(line(None, COMMAND), line(None, NO)))) is Adopter.BODY
    assert likely_adopter(read(routing(), "routing.csv")) is Adopter.BODY
    assert likely_adopter(Pack()) is Adopter.BODY
