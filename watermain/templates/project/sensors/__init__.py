"""What my_company watches beyond what every dataset brings by itself."""
