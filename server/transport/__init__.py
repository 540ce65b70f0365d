"""The sockets and their thread: messages in and out, encryption, what is refused at the door."""
