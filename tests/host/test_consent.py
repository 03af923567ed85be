"""What a policy file says of a class, and what is refused."""

from pathlib import Path

import pytest

from host import consent
from host.errors import HostError
from host.messages.settings import Consent

CLASSES = ("yes", "no", "stop")


def test_a_mode_alone_says_nothing_of_classes() -> None:
    for name, mode in (("always", Consent.ALWAYS), ("ask", Consent.ASK), ("never", Consent.NEVER)):
        rule = consent.load(name, 5.0, None, CLASSES)
        assert (rule.mode, rule.seconds) == (mode, 5.0)
        assert [rule.says(index) for index in range(3)] == [None, None, None]


def test_a_file_says_it_by_class_and_leaves_the_rest_to_a_person(tmp_path: Path) -> None:
    path = tmp_path / "consent.toml"
    path.write_text('[classes]\nstop = "never"\nyes = "always"\n')
    rule = consent.load("ask", 30.0, path, CLASSES)
    assert [rule.says(index) for index in range(3)] == [True, None, False]


@pytest.mark.parametrize(
    ("mode", "text", "words"),
    [
        ("sometimes", None, ("'sometimes'", "always, ask, never")),
        ("always", "", ("consent.toml", "--consent always")),
        ("ask", None, ("consent.toml", "cannot be read")),
        ("ask", "[classes", ("consent.toml", "not TOML")),
        ("ask", "", ("consent.toml", "no [classes]")),
        ("ask", "yes = 'always'", ("consent.toml", "holds yes", "[classes] alone")),
        ("ask", "[classes]\nmaybe = 'always'", ("classes.maybe", "yes, no, stop")),
        ("ask", "[classes]\nyes = 'ask'", ("classes.yes is 'ask'", "'always' or 'never'")),
        ("ask", "[classes]\nyes = true", ("classes.yes is True",)),
        ("ask", "[classes]\nyes = ['always']", ("classes.yes is ['always']",)),
    ],
)
def test_what_is_refused(tmp_path: Path, mode: str, text: str | None, words: tuple[str, ...]) -> None:
    path = tmp_path / "consent.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(HostError) as refused:
        consent.load(mode, 30.0, None if mode == "sometimes" else path, CLASSES)
    for word in words:
        assert word in str(refused.value)
