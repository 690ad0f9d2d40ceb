const both = require("./defaulted.js"); module.exports = [typeof both, Object.keys(both), both.named ?? null];
