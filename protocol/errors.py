"""Errors of the wire, each leaf with the code that PROTOCOL.md gives it.

StemsError                     E000   never raised itself
 |- ProtocolError              E100   the bytes or their order are wrong
 |   |- MalformedFrame         E101   not our framing, or a header that is no msgpack map
 |   |- LimitExceeded          E102   names the limit and the value
 |   |- UnsupportedVersion     E103   names both versions
 |   |- UnexpectedMessage      E104   right message, wrong moment
 |   |- UnknownMessage         E105   a type this version does not know
 |   `- InvalidField           E106   a field is missing, of the wrong type, or out of range
 |- RequestRefused             E200   well-formed, but cannot be done
 |   |- UnknownModel           E201   names the models there are
 |   |- UnknownProfile         E202   names the profiles of the model
 |   |- UnknownStem            E203   names the stems of the model
 |   |- UnknownStream          E204   no such stream is open on this connection
 |   |- StreamExists           E205   the stream number is in use on this connection
 |   |- UnsupportedRate        E206   names the range of rates
 |   |- LatencyTooSmall        E207   names the smallest round-trip budget
 |   |- ModelUnavailable       E208   weights missing or corrupt; says what to install
 |   |- CreditExceeded         E209   a freewheeling client ran ahead of its credit
 |   |- ServerFull             E210   no room for another stream
 |   `- IncompatibleModel      E211   a switch that would need more latency than the stream has
 `- ServerFault                E300   the server failed; the request may be tried again
     |- EngineFault            E301   inference raised; the stream is closed
     `- ShuttingDown           E302   the server is draining
"""
