// No snapshot is being made where these modules run.

'use strict';

module.exports = { namespace: { addSerializeCallback: () => {}, isBuildingSnapshot: () => false } };
