"""`unmask weights list`: the pretrained networks that need no model hub."""


def command() -> None:
    """Print the networks with source, licence and input, and those that are not used, with why."""
    from rich.console import Console
    from rich.table import Table

    from unmask.models.backbones.registry.catalog import NETWORKS, UNSUPPORTED
    from unmask.models.backbones.registry.store import find_stored

    console = Console(highlight=False)
    for network in NETWORKS:
        stored = find_stored(network.name)
        lines = Table.grid(padding=(0, 2))
        origins = ", ".join(file.origin for file in network.files)
        for key, value in {
            "network": network.architecture,
            "from": f"{origins}, {sum(file.size for file in network.files) / 1e6:.1f} MB",
            "trained on": network.trained_on,
            "licence": f"package: {network.package_licence}; weights: {network.weights_licence}",
            "input": network.preprocessing,
            "use": network.use,
            "cache": str(stored.folder) if stored else "not fetched",
        }.items():
            lines.add_row(f"  {key}", value)
        console.print(network.name, style="bold")
        console.print(lines)
    console.print("Not used", style="bold")
    others = Table.grid(padding=(0, 2))
    for each in UNSUPPORTED:
        others.add_row(f"  {each.package}", f"{each.architecture}: {each.reason}")
    console.print(others)
