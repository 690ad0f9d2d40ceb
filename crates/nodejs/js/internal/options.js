// There is no command line.

'use strict';

module.exports = { getOptionValue: () => undefined };
