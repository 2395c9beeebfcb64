"""What the airport's company watches beyond what every dataset brings by itself."""
