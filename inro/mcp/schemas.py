"""The input schemas of the tools, taken from the API's own document."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from inro.mcp.tools import TOOLS
from inro.mcp.tools.base import Tool

_COMPONENT = "#/components/schemas/"
_ID = {"type": "integer", "minimum": 1}


@cache
def input_schema(tool: Tool) -> dict[str, Any]:
    """JSON Schema of a tool's arguments, complete in itself."""
    document = _document()
    operation = document["paths"][tool.address][tool.method.lower()]
    content = operation.get("requestBody", {}).get("content", {})
    body = _of_all_kinds(_closed(content.get("application/json", {}).get("schema", {}), document))
    properties = dict.fromkeys(tool.path_names, _ID) | body.get("properties", {})
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            properties[parameter["name"]] = _parameter(parameter)
    required = [*tool.path_names, *body.get("required", ())]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    about = parameter.get("description")
    return {**parameter["schema"], **({"description": about} if about else {})}


def _closed(schema: Any, document: dict[str, Any], within: tuple[str, ...] = ()) -> Any:
    """`schema` with what it refers to in its place: hosts of agents do not follow references.

    What is referred to is a serializer, and those of requests refuse what they do not know.
    """
    if isinstance(schema, list):
        return [_closed(each, document, within) for each in schema]
    if isinstance(schema, str):
        return _for_agents(schema)
    if not isinstance(schema, dict):
        return schema
    name = schema.get("$ref", "").removeprefix(_COMPONENT)
    if not name:
        return {key: _closed(each, document, within) for key, each in schema.items()}
    if name in within:  # a shape that contains itself is spelled out once
        return {"type": "object"}
    found = _closed(document["components"]["schemas"][name], document, (*within, name))
    return {**found, "additionalProperties": False} if "properties" in found else found


def _of_all_kinds(body: dict[str, Any]) -> dict[str, Any]:
    """One shape for a body that has one for each kind of thing: hosts of agents want an object.

    What a kind does not take, or lacks, the operation says.
    """
    kinds: list[dict[str, Any]] = body.get("oneOf", [])
    if not kinds:
        return body
    found: dict[str, list[Any]] = {}
    for kind in kinds:
        for name, schema in kind["properties"].items():
            found.setdefault(name, []).append(schema)
    required = [set(kind.get("required", ())) for kind in kinds]
    return {
        "properties": {name: _any_of(schemas) for name, schemas in found.items()},
        "required": sorted(set.intersection(*required)),
    }


def _any_of(schemas: list[Any]) -> Any:
    different = [each for index, each in enumerate(schemas) if each not in schemas[:index]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def _for_agents(text: str) -> str:
    """Names of tools instead of the operations behind them."""
    for tool in TOOLS:
        if not tool.path_names:
            text = text.replace(f"{tool.method} /{tool.path} ", f"{tool.name} ")
    return text
