-- Sends one prepared request over and over. SIGNED_REQUEST names a file of header lines, an empty line and the body, as
-- `posthouse-loadtest request` writes it.
local file = assert(io.open(os.getenv("SIGNED_REQUEST"), "r"))
wrk.method = "POST"
wrk.path = "/"
for line in file:lines() do
  if line == "" then break end
  local name, value = line:match("^([^:]+): (.*)$")
  wrk.headers[name] = value
end
wrk.body = file:read("*l")
file:close()

