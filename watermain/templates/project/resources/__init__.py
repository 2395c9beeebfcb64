"""What my_company runs on."""
