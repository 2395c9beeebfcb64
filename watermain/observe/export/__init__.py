"""What other tools are told of the platform: figures, rules, dashboards."""
