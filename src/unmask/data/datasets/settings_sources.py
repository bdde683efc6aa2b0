"""Data sets and weights of a run: those that it is given, or those that the settings name."""

import logging
from collections.abc import Sequence

from unmask.config import DataSetSettings, Settings, SourceWeight
from unmask.data.datasets.roles import ROLES
from unmask.data.datasets.several import parse_data_source
from unmask.errors import ConfigError

log = logging.getLogger(__name__)


def apply_sources(settings: Settings, data: Sequence[str]) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings of a run and its data sets, those of ``data.sources`` if none is given.

    Their weights join ``training.source_weights``. Data sets that are given replace all of
    ``data.sources``, their weights among them; a weight of theirs counts before one of
    ``training.source_weights``, and the log says so.

    Args:
        data: See :func:`unmask.data.datasets.several.parse_data_source`.

    Returns:
        Settings; and data sets without their weights. None stand for the pinned set.

    Raises:
        ConfigError: ``data.sources`` and ``training.source_weights`` weight a data set differently,
            a data set has a weight that is not trained on, or ``training.balanced`` is off.
    """
    if data:
        weights, listed = _override_weights(data, settings.training.source_weights), _unweigh(data)
    elif sources := settings.data.sources:
        weights = _merge_weights(sources, settings.training.source_weights)
        listed = tuple(f"{each.name}={each.folder}:{each.role}" for each in sources)
    else:
        return settings, ()
    if weights and not settings.training.balanced:
        raise ConfigError(
            f"{'--data' if data else 'data.sources'} gives {weights[0].source} a weight of the "
            "draws of training.balanced, which is off; set training.balanced=true, too, or remove "
            "the weights"
        )
    training = settings.training.replace(source_weights=weights)
    return settings.replace(training=training), listed


def _override_weights(
    data: Sequence[str], given: Sequence[SourceWeight]
) -> tuple[SourceWeight, ...]:
    weights = {each.source: each.weight for each in given}
    for source in map(parse_data_source, data):
        if source.weight is None:
            continue
        if (other := weights.get(source.name, source.weight)) != source.weight:
            log.warning(
                "--data gives %s the weight %g, which counts, not the %g of "
                "training.source_weights",
                source.name,
                source.weight,
                other,
            )
        weights[source.name] = source.weight
    return tuple(SourceWeight(source=name, weight=weight) for name, weight in weights.items())


def _unweigh(data: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        text if parse_data_source(text).weight is None else text.rpartition(":")[0] for text in data
    )


def _merge_weights(
    sources: Sequence[DataSetSettings], given: Sequence[SourceWeight]
) -> tuple[SourceWeight, ...]:
    weights = {each.source: each.weight for each in given}
    for source in sources:
        weight = source.weight
        if weight is None:
            continue
        if "train" not in ROLES[source.role]:
            raise ConfigError(
                f"data.sources gives {source.name} a weight, but the role {source.role}, which is "
                "never trained on; remove its weight"
            )
        if (other := weights.setdefault(source.name, weight)) != weight:
            raise ConfigError(
                f"data.sources gives {source.name} the weight {weight:g} and "
                f"training.source_weights {other:g}; remove one of them"
            )
    return tuple(SourceWeight(source=name, weight=weight) for name, weight in weights.items())
