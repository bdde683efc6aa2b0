from unmask.evaluation.ablation_analysis import AblationRow
from unmask.evaluation.ablation_markdown import ablation_page, ablation_table
from unmask.evaluation.intervals import Estimate

REFERENCE = AblationRow(
    name="everything",
    seeds=(7, 8),
    aucs=(0.9, 0.94),
    auc=Estimate(0.92, 0.85, 0.975),
    gain=None,
    ece=0.1,
    ms_per_clip=70.4,
    by_manipulation={"swap": 0.8},
)
FLOW = AblationRow(
    name="flow",
    seeds=(7, 8),
    aucs=(0.88, 0.9),
    auc=Estimate(0.89, 0.8, 0.95),
    gain=Estimate(0.03, -0.02, 0.08),
    ece=0.12,
    ms_per_clip=None,
    by_manipulation={"swap": 0.75},
    p_value=0.3,
    p_holm=0.3,
)
ENSEMBLE = AblationRow(
    name="pool",
    seeds=(7, 8),
    aucs=(0.95, 0.95),
    auc=Estimate(0.95, 0.9, 0.99),
    gain=Estimate(0.03, 0.01, 0.05),
    ece=0.1,
    ms_per_clip=147.0,
    added=True,
    by_manipulation={"swap": 0.9},
    p_value=0.0004,
    p_holm=0.0008,
)


def test_the_table_has_one_line_per_component():
    lines = ablation_table([REFERENCE, FLOW, ENSEMBLE], {"flow": "small"}).splitlines()
    assert lines[2:] == [
        "| nothing (reference) | 0.920 | 0.850–0.975 |  |  |  | 0.100 | 70 |",
        "| flow | 0.890 | 0.800–0.950 | +0.030 (-0.020 to +0.080) | 0.300 | small | 0.120 |  |",
        "| + pool | 0.950 | 0.900–0.990 | +0.030 (+0.010 to +0.050) | < 0.001 |  | 0.100 | 147 |",
    ]
    assert {line.count("|") for line in lines} == {9}


def test_the_page_has_notes_kinds_of_fakes_and_seeds():
    page = ablation_page([REFERENCE, FLOW], {}, "Ablation", ["Demo set.", "Two seeds."])
    assert page.startswith("# Ablation\n\nDemo set. Two seeds.\n\n| without | AUC |")
    kinds = "| without | swap |\n| --- | --- |\n| nothing (reference) | 0.80 |\n| flow | 0.75 |"
    assert kinds in page
    assert page.endswith(
        "AUC per seed (7, 8):\n\n- everything: 0.900, 0.940\n- flow: 0.880, 0.900\n"
    )
