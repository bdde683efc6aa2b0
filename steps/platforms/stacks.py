"""ZenML stacks that are described by files, in the form of ``zenml stack export``."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from unmask.errors import ConfigError

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.enums import StackComponentType

STACKS = Path("pipelines/stacks")
# flavors of this project, which ZenML does not know by itself
FLAVORS = {"kubeflow_tasks": "steps.platforms.kubeflow_flavor.TaskFlavor"}
VARIABLE = re.compile(r"\$\{(\w+)\}")


def stack_names() -> list[str]:
    """Return the names of the stacks that the checkout describes."""
    return sorted(path.stem for path in STACKS.glob("*.yaml"))


def read_stack(name: str, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the description of a stack, with ``${NAME}`` replaced by environment variables.

    Raises:
        ConfigError: There is no such stack, or a variable is unset or empty.
    """
    path = STACKS / f"{name}.yaml"
    if not path.is_file():
        raise ConfigError(f"{name}: no such stack; choose one of {', '.join(stack_names())}")
    text = path.read_text()
    unset = sorted({key for key in VARIABLE.findall(text) if not environment.get(key)})
    if unset:
        raise ConfigError(f"{path}: set {', '.join(unset)} in the environment")
    described: dict[str, Any] = yaml.safe_load(
        VARIABLE.sub(lambda match: environment[match[1]], text)
    )
    return described


def register_stack(name: str) -> None:
    """Register a stack and its components with ZenML; update those that exist.

    Raises:
        ConfigError: As in :func:`read_stack`; or a component exists with another flavor.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType

    components = {
        StackComponentType(kind): [_register_component(StackComponentType(kind), item)]
        for kind, (item,) in read_stack(name)["components"].items()
    }
    client = Client()
    try:
        client.get_stack(name, allow_name_prefix_match=False)
    except KeyError:
        client.create_stack(name, components)
    else:
        client.update_stack(name, component_updates=components)


def _register_component(kind: "StackComponentType", described: Mapping[str, Any]) -> "UUID":
    from zenml.client import Client

    client, name, flavor = Client(), described["name"], described["flavor"]
    configuration = described["configuration"]
    if flavor in FLAVORS:
        _register_flavor(kind, flavor)
    try:
        known = client.get_stack_component(kind, name, allow_name_prefix_match=False)
    except KeyError:
        return client.create_stack_component(name, flavor, kind, configuration).id
    if known.flavor_name != flavor:
        raise ConfigError(
            f"{kind.value} {name} is of flavor {known.flavor_name}, not {flavor}; rename it by "
            f"`zenml {kind.value.replace('_', '-')} rename {name} NAME`"
        )
    return client.update_stack_component(name, kind, configuration=configuration).id


def _register_flavor(kind: "StackComponentType", name: str) -> None:
    from zenml.client import Client

    client = Client()
    try:
        client.get_flavor_by_name_and_type(name, kind)
    except KeyError:
        client.create_flavor(FLAVORS[name], kind)
