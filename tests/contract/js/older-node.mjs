// Preloaded (`node --import`) where Node is older than the 22 that supabase-js asks for: Debian 12 has 18.
//
// Two globals are all that it misses. The crypto of Node 18 is there under another name. WebSocket is only looked for
// when a client is made, for the sake of Realtime; nothing here opens one, and whoever tries is told why he cannot.
import { webcrypto } from 'node:crypto'

if (typeof globalThis.crypto === 'undefined') {
  Object.defineProperty(globalThis, 'crypto', { value: webcrypto, configurable: true })
}

if (typeof globalThis.WebSocket === 'undefined') {
  class NoWebSocket {
    constructor() {
      throw new Error(`Node ${process.version} has no WebSocket: Realtime needs Node 22`)
    }
  }
  Object.defineProperty(globalThis, 'WebSocket', { value: NoWebSocket, configurable: true })
}
