-- Prosody 0.12.3 gives what comes in on a resumed session to the XML parser of the connection before. If that one was
-- cut within a stanza, the session ends as not well-formed. This gives it to the parser of the new connection.
module:hook("smacks-hibernation-end", function (event)
	event.resumed.data = event.origin.data;
end);
