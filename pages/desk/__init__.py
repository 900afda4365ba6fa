"""The editor's desk: a local site on which an edition is made. It calls the steps it is handed, and never Prefect."""
