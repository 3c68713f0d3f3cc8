// The browser that drives the page, where this machine has one.

import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Path of the program: $CHROMIUM (empty: none), or where Linux distributions put it. */
export const CHROMIUM = (process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path))) || undefined;

export const CHROMIUM_FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
