let told; try { told = require("./awaits.js").value; } catch (error) { told = `${error.name}: ${error.message}`; }
module.exports = told;
