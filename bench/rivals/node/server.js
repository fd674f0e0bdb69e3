// Socket.IO with the Redis streams adapter and connection state recovery.
// node server.js PORT REDIS_PORT
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, redisPort] = process.argv.slice(2).map(Number);
const redis = createClient({ url: `redis://127.0.0.1:${redisPort}` });
await redis.connect();

const io = new Server({
  adapter: createAdapter(redis),
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
  transports: ["websocket"],
});
io.on("connection", (socket) => socket.join(socket.handshake.auth.user));
io.listen(port);
