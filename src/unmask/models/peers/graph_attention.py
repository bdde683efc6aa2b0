"""Graph attention and graph pooling of AASIST, for inference: without dropout.

Jung et al., ICASSP 2022 (arXiv 2110.01200), sections 2 and 3. Nodes are connected to all others.
"""

import torch
from torch import Tensor, nn


class GraphAttention(nn.Module):
    """Attention among the nodes of one graph.

    Args:
        temperature: Divides the attention before the softmax.
    """

    def __init__(self, inputs: int, outputs: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.pair = nn.Linear(inputs, outputs)
        self.pair_weight = nn.Parameter(torch.zeros(outputs, 1))
        self.attended = nn.Linear(inputs, outputs)
        self.own = nn.Linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, nodes: Tensor) -> Tensor:
        """Return the new nodes, from ``(batch, nodes, inputs)`` to ``(batch, nodes, outputs)``."""
        pairs = torch.tanh(self.pair(nodes[:, :, None] * nodes[:, None]))
        attention = pairs @ self.pair_weight / self.temperature
        return self._mix(nodes, attention.squeeze(-1).softmax(dim=2))

    def _mix(self, nodes: Tensor, attention: Tensor) -> Tensor:
        mixed = self.attended(attention @ nodes) + self.own(nodes)
        normalised = self.norm(mixed.flatten(0, 1)).unflatten(0, mixed.shape[:2])
        return nn.functional.selu(normalised)


class HeterogeneousAttention(GraphAttention):
    """Attention among the nodes of two graphs, and a stack node that gathers from all of them.

    Pairs are weighted by the graphs that they connect: both in the first, both in the second, or
    one in each.
    """

    def __init__(self, inputs: int, outputs: int, temperature: float) -> None:
        super().__init__(inputs, outputs, temperature)
        self.first = nn.Linear(inputs, inputs)
        self.second = nn.Linear(inputs, inputs)
        self.first_weight = nn.Parameter(torch.zeros(outputs, 1))
        self.second_weight = nn.Parameter(torch.zeros(outputs, 1))
        self.stack_pair = nn.Linear(inputs, outputs)
        self.stack_weight = nn.Parameter(torch.zeros(outputs, 1))
        self.stack_attended = nn.Linear(inputs, outputs)
        self.stack_own = nn.Linear(inputs, outputs)

    def forward_both(
        self, first: Tensor, second: Tensor, stack: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the new nodes of both graphs and the new stack node.

        Args:
            first, second: Shape ``(batch, nodes, inputs)``, each with its own number of nodes.
            stack: Shape ``(batch, 1, inputs)``.
        """
        count = first.shape[1]
        nodes = torch.cat([self.first(first), self.second(second)], dim=1)
        mixed = self._mix(nodes, self._attention(nodes, count))
        return mixed[:, :count], mixed[:, count:], self._gather(nodes, stack)

    def _attention(self, nodes: Tensor, count: int) -> Tensor:
        pairs = torch.tanh(self.pair(nodes[:, :, None] * nodes[:, None]))
        across = (pairs @ self.pair_weight).squeeze(-1)
        in_first = torch.arange(nodes.shape[1], device=nodes.device) < count
        same_first = in_first[:, None] & in_first
        same_second = ~in_first[:, None] & ~in_first
        attention = torch.where(same_first, (pairs @ self.first_weight).squeeze(-1), across)
        attention = torch.where(same_second, (pairs @ self.second_weight).squeeze(-1), attention)
        return (attention / self.temperature).softmax(dim=2)

    def _gather(self, nodes: Tensor, stack: Tensor) -> Tensor:
        pairs = torch.tanh(self.stack_pair(nodes * stack)) @ self.stack_weight
        attention = (pairs / self.temperature).softmax(dim=1)
        gathered = self.stack_attended(attention.transpose(1, 2) @ nodes)
        return torch.add(gathered, self.stack_own(stack))


class GraphPooling(nn.Module):
    """The nodes with the highest learned scores, multiplied by these.

    Args:
        kept: Share of the nodes that are kept.
    """

    def __init__(self, width: int, kept: float) -> None:
        super().__init__()
        self.kept = kept
        self.score = nn.Linear(width, 1)

    def forward(self, nodes: Tensor) -> Tensor:
        """Return the kept nodes, the best first; both shapes are ``(batch, nodes, width)``."""
        scores = self.score(nodes).sigmoid()
        count = max(int(nodes.shape[1] * self.kept), 1)
        best = scores.topk(count, dim=1).indices
        return (nodes * scores).gather(1, best.expand(-1, -1, nodes.shape[2]))
