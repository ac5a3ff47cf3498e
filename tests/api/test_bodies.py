"""What two requests validate with shares nothing that one of them may change."""

from typing import Any

from rest_framework import serializers

from inro.accounts.models import Workspace
from inro.api.serializers import StrictSerializer


class Body(StrictSerializer):
    words = serializers.MultipleChoiceField(choices=["a", "b"], default=set())
    about = serializers.JSONField(default={})
    name = serializers.CharField(default="")
    count = serializers.IntegerField(default=1, max_value=5)
    rows = serializers.PrimaryKeyRelatedField(
        many=True, required=False, queryset=Workspace.objects.all()
    )


def read(**data: Any) -> Any:
    body = Body(data=data, context={"who": data.get("name")})
    body.is_valid(raise_exception=True)
    return body


def test_defaults_are_of_one_request() -> None:
    said = read().validated_data
    said["words"].add("a")
    said["about"]["who"] = "somebody"
    assert read().validated_data == {"words": set(), "about": {}, "name": "", "count": 1}


def test_fields_know_their_own_request() -> None:
    mine, theirs = read(name="mine"), read(name="theirs")
    for body, name in ((mine, "mine"), (theirs, "theirs")):
        fields = [*body.fields.values(), body.fields["rows"].child_relation]
        assert [field.context for field in fields] == [{"who": name}] * 6
        assert {field.root for field in fields} == {body}
    assert all(field.parent is None for field in Body._declared_fields.values())


def test_what_one_changes_of_its_fields_stays_its_own() -> None:
    mine = Body(data={"count": 9})
    mine.fields["count"].validators = []
    mine.fields["name"].required = True
    assert mine.is_valid() is False
    assert set(mine.errors) == {"name"}
    theirs = Body(data={"count": 9})
    assert theirs.is_valid() is False
    assert set(theirs.errors) == {"count"}
