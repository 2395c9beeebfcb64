"""Files dropped on an SFTP server."""
