"""The desk's steps, from services, and the server they are handed to. No Prefect here."""
