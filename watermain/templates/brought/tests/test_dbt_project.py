"""The dbt project, as the platform understands it."""

from watermain.testing import declared


def test_no_node_of_the_dbt_project_is_wrong() -> None:
    """Every model, seed and snapshot can be built."""
    marts = [dataset for dataset in declared("my_company") if dataset.mart is not None]
    assert marts
    assert [dataset.broken for dataset in marts if dataset.broken] == []
