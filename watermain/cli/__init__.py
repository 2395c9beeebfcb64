"""The commands of `watermain`, one file for each verb."""
