"""Engine options: the one place for runtime, device, threads and precision of graphs."""

import os
from dataclasses import dataclass
from typing import Self

from unmask.errors import ConfigError

ENGINE_VARIABLE = "UNMASK_ENGINE"
THREADS_VARIABLE = "OMP_NUM_THREADS"
LITERT, OPENVINO, ONNXRUNTIME = "litert", "openvino", "onnxruntime"
TORCH, AUTO = "torch", "auto"
ENGINES = (AUTO, LITERT, OPENVINO, ONNXRUNTIME, TORCH)
CPU, GPU, CUDA, COREML = "cpu", "gpu", "cuda", "coreml"
DEVICES: dict[str, tuple[str, ...]] = {
    OPENVINO: (CPU, GPU),
    ONNXRUNTIME: (CPU, CUDA, COREML),
    TORCH: (CPU, CUDA),
}
PRECISIONS = ("auto", "32", "bf16")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How graphs are run.

    Attributes:
        engine: ``litert``, ``openvino``, ``onnxruntime``, ``torch`` (the networks themselves, from
            their weights), or ``auto`` for the first that is installed and can read the graph.
        threads: Threads for one run of a graph; 0 for :func:`available_threads`.
        device: ``cpu``; ``gpu`` is that of Intel on OpenVINO, ``cuda`` that of NVIDIA on ONNX
            Runtime and torch, and ``coreml`` what macOS chooses on ONNX Runtime.
        precision: ``32``, ``bf16``, or ``auto`` for bfloat16 where the processor computes in it.

    Raises:
        ConfigError: A value is not one of these.
    """

    engine: str = AUTO
    threads: int = 0
    precision: str = "32"
    device: str = CPU

    def __post_init__(self) -> None:
        """Refuse unknown values."""
        for name, value, allowed in (
            (ENGINE_VARIABLE, self.engine, ENGINES),
            ("precision", self.precision, PRECISIONS),
        ):
            if value not in allowed:
                raise ConfigError(f"{name}: {value!r} is unknown; use one of {', '.join(allowed)}")
        devices = DEVICES.get(self.engine, (CPU,))
        if self.device not in devices:
            raise ConfigError(
                f"{ENGINE_VARIABLE}: {self.engine} has no device {self.device!r}; use "
                f"{' or '.join(f'{self.engine}:{device}' for device in devices)}"
            )
        if self.threads < 0:
            raise ConfigError(f"threads: {self.threads} is negative; use 0 for all cores")

    @classmethod
    def from_environment(cls, precision: str = "32") -> Self:
        """Return the options with the engine named in ``UNMASK_ENGINE``.

        Raises:
            ConfigError: The variable names no engine.
        """
        return cls.from_name(os.environ.get(ENGINE_VARIABLE) or AUTO, precision)

    @classmethod
    def from_name(cls, name: str, precision: str = "32") -> Self:
        """Return the options of an engine with or without a device, as in ``onnxruntime:cuda``.

        Raises:
            ConfigError: There is no such engine, or it has no such device.
        """
        engine, _, device = name.partition(":")
        return cls(engine, precision=precision, device=device or CPU)

    @property
    def name(self) -> str:
        """Name that :meth:`from_name` takes."""
        return self.engine if self.device == CPU else f"{self.engine}:{self.device}"

    @property
    def thread_count(self) -> int:
        """Threads for one run of a graph, at least 1."""
        return self.threads or available_threads()


def available_threads() -> int:
    """Return ``OMP_NUM_THREADS``, or without it the cores that this process may use."""
    asked = os.environ.get(THREADS_VARIABLE, "").partition(",")[0].strip()
    if asked.isdigit() and int(asked):
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
