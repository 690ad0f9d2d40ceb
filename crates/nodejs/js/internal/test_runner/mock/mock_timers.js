// The platform's timers can't be mocked.

'use strict';

module.exports = { MockTimers: class MockTimers {} };
