// `ws`, as a client: what it hears of an echo, as JSON. The address is the argument.
import WebSocket from "ws";

const socket = new WebSocket(process.argv[2]);
const heard = [];
socket.on("open", () => {
  heard.push(socket.extensions);
  socket.send("text ".repeat(200));
  socket.send(Buffer.from([1, 2, 3]));
});
socket.on("message", (data, isBinary) => {
  heard.push(isBinary ? [...data] : data.length);
  if (heard.length === 3) socket.close(4001, "enough");
});
socket.on("close", (code, reason) => console.log(JSON.stringify([...heard, code, reason.toString()])));
socket.on("error", (error) => { throw error; });
