dnl SPDX-License-Identifier: Apache-2.0
dnl PHOENIX_PLUGIN([MIN-MINOR], [IF-FOUND], [IF-NOT-FOUND])
dnl Find the plugin header of Phoenix, ABI major 1, at least minor MIN-MINOR (0). Sets and substitutes
dnl   PHOENIX_PLUGIN_CFLAGS   for the compiler
dnl   PHOENIX_PLUGIN_LDFLAGS  for libtool, with -module: one exported symbol, bound at load, never unmapped
dnl   PHOENIX_PLUGIN_CHECK    the conformance checker
dnl   phoenixplugindir        below this package's own ${libdir}, so that `make distcheck` stays inside
dnl                           its prefix; --with-phoenixplugindir overrides it
AC_DEFUN([PHOENIX_PLUGIN],[
AC_REQUIRE([PKG_PROG_PKG_CONFIG])
dnl Not by the name of this macro: it would be expanded again, without end.
PKG_CHECK_MODULES([PHOENIX_HEADER],[phoenix-plugin],[phoenix_plugin_found=yes],[phoenix_plugin_found=no])
AS_IF([test "$phoenix_plugin_found" = yes],[
  phoenix_major=`$PKG_CONFIG --variable=abi_major phoenix-plugin`
  phoenix_minor=`$PKG_CONFIG --variable=abi_minor phoenix-plugin`
  AS_IF([test "$phoenix_major" -ne 1 || test "$phoenix_minor" -lt m4_default([$1],[0])],[phoenix_plugin_found=no])
])
AS_IF([test "$phoenix_plugin_found" = yes],[
  PHOENIX_PLUGIN_CFLAGS="$PHOENIX_HEADER_CFLAGS -fvisibility=hidden -ffp-contract=off"
  PHOENIX_PLUGIN_LDFLAGS="-module -shared -avoid-version -no-undefined -export-symbols-regex ^phoenix_plugin_v@<:@0-9@:>@+\$\$"
  phoenix_save="$LDFLAGS"
  for phoenix_flag in -Wl,-z,defs -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,--as-needed; do
    LDFLAGS="$phoenix_save $phoenix_flag"
    AC_MSG_CHECKING([whether the linker accepts $phoenix_flag])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([],[])],
      [AC_MSG_RESULT([yes]); PHOENIX_PLUGIN_LDFLAGS="$PHOENIX_PLUGIN_LDFLAGS $phoenix_flag"],
      [AC_MSG_RESULT([no])])
  done
  LDFLAGS="$phoenix_save"
  PHOENIX_PLUGIN_CHECK=`$PKG_CONFIG --variable=checker phoenix-plugin`
  AC_ARG_WITH([phoenixplugindir],
    [AS_HELP_STRING([--with-phoenixplugindir=DIR],[where plugins are installed])],
    [phoenixplugindir="$withval"],[phoenixplugindir='${libdir}/phoenix/plugins-v1'])
  AC_SUBST([phoenixplugindir]) AC_SUBST([PHOENIX_PLUGIN_CFLAGS]) AC_SUBST([PHOENIX_PLUGIN_LDFLAGS]) AC_SUBST([PHOENIX_PLUGIN_CHECK])
  m4_default([$2],[:])
],[
  m4_default([$3],[AC_MSG_ERROR([phoenix-plugin, ABI 1.]m4_default([$1],[0])[ or later, not found])])
])])
