#!/usr/bin/env node

// Where the program begins: a session's process gets ready while this one loads all the rest.

import "./first.js";

void import("./userboot.js");
