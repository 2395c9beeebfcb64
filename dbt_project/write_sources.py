"""The command that writes the dbt sources file anew."""

from pathlib import Path

from watermain.engine.exchange.dbt_sources import sources_text
from watermain.orchestrate.location import everything

if __name__ == "__main__":
    Path(__file__).with_name("models").joinpath("sources.yml").write_text(
        sources_text(everything().values())
    )
