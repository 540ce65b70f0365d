"""The error tree: one code for each, families found again from codes."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

import protocol
from protocol import ERRORS_BY_CODE, Error, StemsError, errors
from protocol.errors import (
    EngineFault,
    ProtocolError,
    RequestRefused,
    ServerFault,
    UnknownModel,
    error_from_code,
)

CLASSES = [item for _, item in inspect.getmembers(errors, inspect.isclass)]
FAMILIES = {"E0": StemsError, "E1": ProtocolError, "E2": RequestRefused, "E3": ServerFault}


def test_every_class_has_a_code_of_its_own():
    assert len({cls.code for cls in CLASSES}) == len(CLASSES)
    assert {cls.code: cls for cls in CLASSES} == ERRORS_BY_CODE


@pytest.mark.parametrize("cls", CLASSES)
def test_a_code_lies_in_its_family(cls):
    assert issubclass(cls, FAMILIES[cls.code[:2]])


@pytest.mark.parametrize("cls", CLASSES)
def test_the_tree_in_the_docstring_is_the_tree(cls):
    lines = [line for line in errors.__doc__.splitlines() if cls.code in line.split()]
    assert len(lines) == 1
    assert cls.__name__ in lines[0].split()


@pytest.mark.parametrize("cls", CLASSES)
def test_errors_survive_the_wire(cls):
    message = Error.of(cls("what was wrong"), stream=3)
    assert (message.code, message.reason, message.stream) == (cls.code, "what was wrong", 3)
    raised = message.exception()
    assert type(raised) is cls
    assert raised.reason == "what was wrong"


@given(number=st.integers(0, 999))
def test_an_unknown_code_becomes_its_family(number):
    code = f"E{number:03d}"
    error = error_from_code(code, "why")
    if code in ERRORS_BY_CODE:
        assert error.code == code
    else:
        assert type(error) is FAMILIES.get(code[:2], StemsError)
        assert code in error.reason


@pytest.mark.parametrize("code", ["", "E", "X101", "E9", "E20100"])
def test_a_code_that_is_none_is_still_an_error(code):
    assert isinstance(error_from_code(code, "why"), StemsError)


def test_text_of_an_error_has_code_and_reason():
    assert str(UnknownModel("no model 'x'")) == "E201: no model 'x'"


@pytest.mark.parametrize("character", ["x", "ä", "\N{MUSICAL SYMBOL G CLEF}", "\ud800"])
def test_a_long_reason_is_cut_to_fit_the_wire(character):
    message = Error.of(EngineFault(character * 2000))
    decoded = protocol.decode(protocol.encode(message))
    assert decoded == message
    assert 1020 <= len(decoded.reason.encode()) <= 1024
