"""The web page: files that a browser runs as they are, served beside the API that they read.

Nothing here knows what an asset is: the page asks `/v1` like any other client, and shows what the conditions say.
"""
