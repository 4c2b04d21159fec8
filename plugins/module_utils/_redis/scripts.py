# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a server computes itself, in Lua: the same digests as digest.py, so that no value has to be sent."""

from __future__ import annotations

_FUNCTIONS = """
local call, sha, sub, num = redis.call, redis.sha1hex, string.sub, tonumber
local base, half, piece, group = 281474976710656, 16777216, 1048576, 64
local function memory(key)  -- nil for a key that is not there, 0 where the server does not tell
  local answer = redis.pcall('MEMORY', 'USAGE', key)
  if type(answer) ~= 'table' then return answer end
  return call('EXISTS', key) == 1 and 0
end
local function chain(parts)
  if #parts == 1 then return parts[1] end
  return sha(table.concat(parts))
end
local function of_string(v)
  if #v >= 16 and sub(v, 1, 4) == 'HYLL' and string.byte(v, 5) <= 1 and sub(v, 6, 8) == '\\0\\0\\0' then
    v = sub(v, 1, 8) .. string.rep('\\0', 8) .. sub(v, 17)
  end
  local parts = {}
  for at = 1, math.max(#v, 1), piece do parts[#parts + 1] = sha(sub(v, at, at + piece - 1)) end
  return chain(parts)
end
local function groups(v)
  local parts = {}
  for at = 1, #v, group do
    local last, lengths = math.min(at + group - 1, #v), {}
    for i = at, last do lengths[#lengths + 1] = #v[i] end
    parts[#parts + 1] = sha(table.concat(lengths, ',') .. ':' .. table.concat(v, '', at, last))
  end
  return parts
end
local function sum(v, step, text)
  local first, second, count = 0, 0, 0
  for i = 1, #v, step do
    local h = sha(text(v, i))
    first = (first + num(sub(h, 1, 12), 16)) % base
    second = (second + num(sub(h, 13, 24), 16)) % base
    count = count + 1
  end
  return string.format('%06x%06x%06x%06x.%d', math.floor(first / half), first % half,
    math.floor(second / half), second % half, count)
end
local function short(digest)
  return struct.pack('>I6I4', num(sub(digest, 1, 12), 16), num(sub(digest, 17, 24), 16))
end
local function pair(v, i) return #v[i] .. ':' .. v[i] .. v[i + 1] end
local function member(v, i) return v[i] end
local function scored(v, i) return string.format('%.17g ', num(v[i + 1])) .. v[i] end
"""

# KEYS are keys. ARGV: bytes from which a key is left to be read in pieces, whether payloads are wanted, and bytes after
# which the rest of the keys is left for another call. A line for each key, "type pttl bytes digest", then its payload;
# nothing for a key that is not there, and "?" for one that is left.
LOOK = (
    _FUNCTIONS
    + """
local big, wanted, most, total = num(ARGV[1]), ARGV[2] == '1', num(ARGV[3]), 0
local known = {string = true, list = true, hash = true, set = true, zset = true, stream = true}
local out = {}
for i, key in ipairs(KEYS) do
  local kind = total < most and call('TYPE', key).ok or '?'
  if kind == 'none' then
    out[i] = ''
  elseif kind == '?' then
    out[i] = '?'
  else
    local size, digest = 0, '-'
    if kind == 'string' then size = call('STRLEN', key)
    else size = num(memory(key)) or 0 end
    local whole = size < big or not known[kind]
    if whole and kind ~= 'stream' then
      if kind == 'string' then digest = of_string(call('GET', key))
      elseif kind == 'hash' then digest = sum(call('HGETALL', key), 2, pair)
      elseif kind == 'list' then
        local v = call('LRANGE', key, 0, -1)
        digest = chain(groups(v)) .. '.' .. #v
      elseif kind == 'set' then digest = sum(call('SMEMBERS', key), 1, member)
      elseif kind == 'zset' then digest = sum(call('ZRANGE', key, 0, -1, 'WITHSCORES'), 2, scored)
      else digest = sha(sub(call('DUMP', key), 1, -11)) end  -- a module's: version and checksum are left out
    end
    out[i] = kind .. ' ' .. call('PTTL', key) .. ' ' .. size .. ' ' .. digest .. '\\n'
    if whole then
      total = total + size
      if wanted then out[i] = out[i] .. call('DUMP', key) end
    end
  end
end
return out
"""
)

# The same without digests, and with what DUMP itself says about a value: the payload's first byte, which is its type,
# and its last ten, which are the version and a checksum. A list has its digest too, which later shows whether it only
# grew.
QUICK = (
    _FUNCTIONS
    + """
local big, wanted, most, total = num(ARGV[1]), ARGV[2] == '1', num(ARGV[3]), 0
local known = {string = true, list = true, hash = true, set = true, zset = true, stream = true}
local lists = {[1] = true, [10] = true, [14] = true, [18] = true}
local out = {}
for i, key in ipairs(KEYS) do
  local size = total < most and memory(key)
  if total >= most then
    out[i] = '?'
  elseif not size then
    out[i] = ''
  else
    local kind = size >= big and call('TYPE', key).ok
    if kind and known[kind] then
      out[i] = kind .. ' ' .. call('PTTL', key) .. ' ' .. size .. ' -\\n'
    else
      local dump, digest = call('DUMP', key), '-'
      kind, total = string.byte(dump), total + size
      if lists[kind] then
        local v = call('LRANGE', key, 0, -1)
        digest = chain(groups(v)) .. '.' .. #v
      end
      if not wanted then dump = sub(dump, -10) end
      out[i] = kind .. ' ' .. call('PTTL', key) .. ' ' .. size .. ' ' .. digest .. '\\n' .. dump
    end
  end
end
return out
"""
)

# ARGV: a cursor, how many keys to look at, words. Answers the next cursor, and the names that have one of the words.
NAMES = """
local found, kept = redis.call('SCAN', ARGV[1], 'COUNT', ARGV[2]), {}
for _, name in ipairs(found[2]) do
  for i = 3, #ARGV do
    if string.find(name, ARGV[i], 1, true) then
      kept[#kept + 1] = name
      break
    end
  end
end
return {found[1], kept}
"""

# KEYS are keys. ARGV: bytes from which a key is left, bytes of payloads after which the rest of them is, and what is
# also wanted (p: payloads, l: what the record keeps of lists, m: marks, c: marks by value). Answers columns: a byte for
# each key, which is the first one of its payload, or 254 for a key that does not exist and 255 for one that is left;
# the payloads' last ten bytes; milliseconds until it expires; digest and length of each list; payloads as arguments of
# a command; marks, which are the last ten bytes again, except for sets and hashes, which each server keeps in its own
# order, or marks by value, which are the same on servers of all versions (a key without such a mark is left).
SWEEP = (
    _FUNCTIONS
    + """
local big, most, wishes = num(ARGV[1]), num(ARGV[2]), ARGV[3]
local payloads, lists = string.find(wishes, 'p'), string.find(wishes, 'l')
local marked, closely = string.find(wishes, '[mc]'), string.find(wishes, 'c')
local function mark(key)
  local kind, digest = call('TYPE', key).ok, nil
  if kind == 'string' then digest = of_string(call('GET', key))
  elseif kind == 'hash' then digest = sum(call('HGETALL', key), 2, pair)
  elseif kind == 'list' then
    local v = call('LRANGE', key, 0, -1)
    digest = chain(groups(v)) .. #v
  elseif kind == 'set' then digest = sum(call('SMEMBERS', key), 1, member)
  elseif kind == 'zset' then digest = sum(call('ZRANGE', key, 0, -1, 'WITHSCORES'), 2, scored) end
  return digest and short(sha(kind .. digest))
end
local is_list = {[1] = true, [10] = true, [14] = true, [18] = true}
local kinds, tails, remaining, listed, dumps, marks, total = {}, {}, {}, {}, {}, {}, 0
for i, key in ipairs(KEYS) do
  local size = total < most and memory(key)
  if size and size < big then
    local dump = call('DUMP', key)
    local kind = string.byte(dump)
    total = total + #dump
    kinds[i], tails[i], remaining[i] = sub(dump, 1, 1), sub(dump, -10), call('PTTL', key)
    if payloads then dumps[i] = '$' .. #dump .. '\\r\\n' .. dump .. '\\r\\n' end
    if is_list[kind] and lists then
      local v = call('LRANGE', key, 0, -1)
      listed[#listed + 1] = sub(chain(groups(v)), 1, 16) .. string.format('%08x', #v)
    end
    if closely then
      marks[i] = mark(key)
      if not marks[i] then kinds[i], marks[i] = '\\255', tails[i] end
    elseif marked then
      if kind == 2 then marks[i] = short(sum(call('SMEMBERS', key), 1, member))
      elseif kind == 4 then marks[i] = short(sum(call('HGETALL', key), 2, pair))
      else marks[i] = tails[i] end
    end
  else
    kinds[i], tails[i], remaining[i] = (total >= most or size) and '\\255' or '\\254', '0123456789', -1
    marks[i] = tails[i]
    if payloads then dumps[i] = '$0\\r\\n\\r\\n' end
  end
end
return {table.concat(kinds), table.concat(tails), table.concat(remaining, ' '), table.concat(listed),
  table.concat(dumps), marked and table.concat(marks) or ''}
"""
)

# KEYS are keys. ARGV[1]: in how many milliseconds each of them expires (0 never, negative if it has), then a payload
# for each, which is empty where there is nothing to write. Answers "NUMBER ERROR" for each key that was not written.
RESTORE = """
local failed, at = {}, 0
for left in string.gmatch(ARGV[1], '[^ ]+') do
  at = at + 1
  if ARGV[at + 1] ~= '' and tonumber(left) >= 0 then
    local answer = redis.pcall('RESTORE', KEYS[at], left, ARGV[at + 1])
    if answer.err then failed[#failed + 1] = at .. ' ' .. answer.err end
  end
end
return failed
"""

# The end of a key's payload, nothing for a key that is not there. KEYS[1].
TAIL = "return string.sub(redis.call('DUMP', KEYS[1]) or '', -10)"

# A piece of one key. KEYS[1]; ARGV: type, where the piece begins (an index, or a cursor), how many elements it has.
# Answers the cursor after it ("0" for none) and the digests of its groups, or their sum.
PIECE = (
    _FUNCTIONS
    + """
local key, kind, at, count = KEYS[1], ARGV[1], ARGV[2], num(ARGV[3])
if kind == 'string' then return {'0', sha(call('GETRANGE', key, at, num(at) + count - 1))} end
if kind == 'list' then return {'0', table.concat(groups(call('LRANGE', key, at, num(at) + count - 1)))} end
if kind == 'zset' then return {'0', sum(call('ZRANGE', key, at, num(at) + count - 1, 'WITHSCORES'), 2, scored)} end
local found = call(kind == 'hash' and 'HSCAN' or 'SSCAN', key, at, 'COUNT', count)
if kind == 'hash' then return {found[1], sum(found[2], 2, pair)} end
return {found[1], sum(found[2], 1, member)}
"""
)
