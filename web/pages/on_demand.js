// Modules that are loaded when they are needed.

import { NotNow } from './client.js'

/** A module that cannot be loaded is an outage like any other. */
export const onDemand = (module) => module.catch(() => { throw new NotNow({ status: null, retryAfter: null, code: null }) })
