"""What no client can send is not sent to the kitchen sink of manifests: two faults of the judge with forms."""

import schemathesis

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@schemathesis.hook
def filter_case(context, case):
    if case.media_type not in FORMS or not isinstance(case.body, dict):
        return True
    return not (list_of_one(case) or controls_in_a_name(case))


def list_of_one(case):
    """One value in place of a list is meant to be refused, but a form says both in the same way: by the name, once."""
    schema = next(body.definition["schema"] for body in case.operation.body if body.media_type == case.media_type)
    lists = [name for name, member in schema["properties"].items() if member.get("type") == "array"]
    return any(name in case.body and not isinstance(case.body[name], list) for name in lists)


def controls_in_a_name(case):
    """Names of members that are not declared go into a part's head as they are, where no header may hold controls."""
    return case.media_type == FORMS[1] and any(
        ord(letter) < 32 or 127 <= ord(letter) < 160 for name in case.body for letter in name
    )
