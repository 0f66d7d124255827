/* SPDX-License-Identifier: Apache-2.0 */
/* No plugin at all. */
const int __attribute__((visibility("default"))) not_the_symbol = 1;
