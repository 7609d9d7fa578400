-- Debian's modules for SASL2 and FAST were written for a later Prosody than its 0.12.3. This is what they miss.

-- How mod_sasl2 asks a connection for its TLS version.
module:hook("stream-features", function (event)
	local conn = event.origin.conn;
	conn.ssl_info = conn.ssl_info or function (self)
		return self:socket():info();
	end
end, 10);

-- mod_sasl2_fast wants to see that the stream header says whose it is, and does nothing else with it. Clients need not say
-- so (XEP-0388 only recommends it), and this version has no such field.
module:hook("advertise-sasl-features", function (event)
	event.stream = event.stream or { from = "somebody@"..module.host };
end, 10);

-- mod_sasl2_fast has times with fractions of a second.
local datetime = require "util.datetime";
local whole_seconds_only = datetime.datetime;
function datetime.datetime(when)
	return whole_seconds_only(when and math.floor(when));
end

-- mod_sasl2_fast reads an attribute of a child with a method that stanzas do not have.
local stanza_mt = require "util.stanza".stanza_mt;
function stanza_mt:get_child_attr(name, xmlns, attr)
	local child = self:get_child(name, xmlns);
	return child and child.attr[attr];
end

-- Whoever has bound a resource inline is not asked to bind one.
module:hook("stream-features", function (event)
	if event.origin.full_jid then
		event.features:remove_children("bind", "urn:ietf:params:xml:ns:xmpp-bind");
		event.features:remove_children("session", "urn:ietf:params:xml:ns:xmpp-session");
	end
end, -10);
