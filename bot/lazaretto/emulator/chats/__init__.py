"""Chats: the people, the messages in them, and who may do what."""
