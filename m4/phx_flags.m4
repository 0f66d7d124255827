dnl SPDX-License-Identifier: Apache-2.0
dnl PHX_TRY_CFLAGS(VARIABLE, FLAGS): append each flag that the compiler takes.
AC_DEFUN([PHX_TRY_CFLAGS],[
for phx_flag in $2; do
  AC_MSG_CHECKING([whether $CC accepts $phx_flag])
  phx_save="$CFLAGS"; CFLAGS="$CFLAGS -Werror $phx_flag"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([],[])],[AC_MSG_RESULT([yes]); $1="$$1 $phx_flag"],[AC_MSG_RESULT([no])])
  CFLAGS="$phx_save"
done])
dnl PHX_TRY_LDFLAGS(VARIABLE, FLAGS): append each flag that the linker takes.
AC_DEFUN([PHX_TRY_LDFLAGS],[
for phx_flag in $2; do
  AC_MSG_CHECKING([whether the linker accepts $phx_flag])
  phx_save="$LDFLAGS"; LDFLAGS="$LDFLAGS $phx_flag"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([],[])],[AC_MSG_RESULT([yes]); $1="$$1 $phx_flag"],[AC_MSG_RESULT([no])])
  LDFLAGS="$phx_save"
done])
