"""One process for each room, made anew alone when the room's own files change."""
