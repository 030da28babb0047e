// A process that says on its socket that it is there, and stays.
import { Socket } from "node:net";

new Socket({ fd: 3 }).write("here");
setInterval(() => {}, 1000);
