module.exports = { named: 1 };
