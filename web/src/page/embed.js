/** `?embed=1`: in somebody else's frame only the desk is shown; style.css has what that hides. */

if (new URLSearchParams(location.search).has("embed")) document.documentElement.classList.add("embedded");
