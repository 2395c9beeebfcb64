"""The command that writes the dbt sources file anew."""

from pathlib import Path

from platform_assets.build.dbt_sources import sources_text
from platform_assets.location import everything

if __name__ == "__main__":
    Path(__file__).with_name("models").joinpath("sources.yml").write_text(
        sources_text(everything().values())
    )
